"""Meetings about what had gone wrong."""

from __future__ import annotations

from app.notes.canned.script import Note, Script, line

SCRIPTS = (
    Script(
        name="incident-review",
        score=-0.44,
        summary="{people} reviewed last night's outage in “{title}”. A full disk stopped sign-in for fifty "
        "minutes; the alarm reached nobody. Alarms and the clean-up of logs are to be fixed first.",
        lines=(
            line(0, "Let's start. {title} is about the outage last night, and it was a bad one."),
            line(
                1,
                "Nobody could sign in for fifty minutes. The database's disk was full.",
                Note(
                    "key_points",
                    "Nobody could sign in for fifty minutes because the database's disk was full.",
                ),
                Note("topics", "Outage"),
                Note("entities", "fifty minutes", type="duration"),
            ),
            line(
                1,
                "Old logs were never cleaned up. The job had failed without a word since March.",
                Note("key_points", "The job that cleans up logs had failed silently since March."),
                Note("topics", "Log clean-up"),
                Note("entities", "March", type="date"),
            ),
            line(
                2,
                "I'm worried that the alarm went to a mailbox that nobody reads.",
                Note("pain_points", "The alarm went to a mailbox that nobody reads."),
                Note("topics", "Alarms"),
            ),
            line(3, "Support had sixty angry calls and no answer for any of them. That was awful."),
            line(
                0,
                "Why did nobody call the person on duty?",
                Note("questions", "Why wasn't the person on duty called?"),
            ),
            line(
                3,
                "The number on the wall is last year's. We tried it four times.",
                Note("pain_points", "Support has an outdated number of the person on duty."),
            ),
            line(
                0,
                "That must not happen again. From today every alarm goes to the phone of whoever is on duty.",
                Note("decisions", "Every alarm goes to the phone of the person on duty."),
            ),
            line(
                2,
                "I'll change the alarms and test them tomorrow.",
                Note("action_items", "Send alarms to the phone on duty, and test it.", due_text="tomorrow"),
            ),
            line(
                1,
                "I'll repair the clean-up job and have it report failures by Friday.",
                Note("action_items", "Repair the clean-up job, with reports of failures.", due_text="by Friday"),
            ),
            line(
                3,
                "What do we tell the customers who were hit?",
                Note("questions", "What are the affected customers told?"),
            ),
            line(
                0,
                "The truth: what broke, for how long, and what we change. I'll write it by Wednesday.",
                Note("decisions", "Affected customers get an open account of the outage."),
                Note("action_items", "Write the account for customers.", due_text="by Wednesday"),
            ),
            line(2, "I'm sorry that it took us so long to notice."),
        ),
    ),
    Script(
        name="customer-escalation",
        score=-0.31,
        summary="In “{title}” {people} dealt with a customer who threatens to leave. Exports fail, answers "
        "took too long, and a discount alone was turned down.",
        lines=(
            line(
                0,
                "Thanks for coming at short notice. {title} can't wait: our largest customer wants to leave.",
            ),
            line(
                1,
                "They are upset, and I understand them. Their export has failed every night for two weeks.",
                Note("key_points", "The customer's nightly export has failed for two weeks."),
                Note("pain_points", "Exports fail every night."),
                Note("topics", "Exports"),
            ),
            line(
                1,
                "And their tickets were answered after five days. The contract says one.",
                Note("key_points", "Tickets were answered after five days; the contract promises one."),
                Note("topics", "Support"),
            ),
            line(
                2,
                "The export breaks on files over two gigabytes. It is our mistake and not theirs.",
                Note("key_points", "The export breaks on files over two gigabytes."),
                Note("entities", "two gigabytes", type="quantity"),
            ),
            line(
                0,
                "How soon can it be fixed?",
                Note("questions", "How soon can the export be fixed?"),
            ),
            line(
                2,
                "I'll have a fix for the export ready by Thursday, if I do nothing else.",
                Note("action_items", "Fix the export of large files.", due_text="by Thursday"),
            ),
            line(
                3,
                "Could we offer them a discount for the quarter?",
                Note("questions", "Is a discount offered?"),
            ),
            line(
                1,
                "I doubt that it helps. They said that they don't want money, they want it to work.",
                Note("objections", "A discount doesn't help: the customer wants a working export."),
                Note("topics", "Contract"),
            ),
            line(
                0,
                "Then we don't lead with a discount. We show them the fix and name one person to talk to.",
                Note("decisions", "The customer gets a fix and one contact rather than a discount."),
            ),
            line(
                1,
                "I'll be that person, and I'll call them tomorrow.",
                Note("action_items", "Call the customer as their one contact.", due_text="tomorrow"),
            ),
            line(
                3,
                "I'll go through all open tickets of theirs by Wednesday. It's too many, I'm afraid.",
                Note("action_items", "Go through the customer's open tickets.", due_text="by Wednesday"),
            ),
            line(
                0,
                "{2} works on nothing else until the export runs again.",
                Note("decisions", "The export comes before all other work."),
            ),
            line(2, "Understood. I only hope that it isn't too late."),
        ),
    ),
)
