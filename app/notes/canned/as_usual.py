"""Meetings as they mostly are."""

from __future__ import annotations

from app.notes.canned.script import Note, Script, line

SCRIPTS = (
    Script(
        name="weekly-status",
        score=0.03,
        summary="{people} went through the state of the mobile release in “{title}”. Sign-in and the meeting "
        "list are done, push notifications wait for a certificate. The beta was moved to Thursday.",
        lines=(
            line(0, "Good morning everyone. This is {title}, so let's go round and hear where we stand."),
            line(
                1,
                "Sign-in and the meeting list are finished. They are in the build from last night.",
                Note("key_points", "Sign-in and the meeting list are finished and in last night's build."),
                Note("topics", "Mobile release"),
            ),
            line(
                2,
                "Push notifications work on Android. For iOS we still wait for the new certificate.",
                Note("key_points", "Push notifications work on Android; iOS waits for a certificate."),
                Note("entities", "Android", type="product"),
                Note("entities", "iOS", type="product"),
            ),
            line(0, "Who can get us the certificate?", Note("questions", "Who can get the iOS certificate?")),
            line(
                2,
                "I'll ask the account owner for the certificate tomorrow.",
                Note("action_items", "Ask the account owner for the iOS certificate.", due_text="tomorrow"),
            ),
            line(
                1,
                "There's one thing that slows us down: the test devices have to be booked a day ahead.",
                Note("pain_points", "Test devices have to be booked a day ahead."),
                Note("topics", "Test devices"),
            ),
            line(3, "I can keep two phones at my desk for the team. Then nobody needs to book them."),
            line(
                0,
                "Good. Then let's move the beta from Tuesday to Thursday, with push on both platforms.",
                Note("decisions", "The beta moves from Tuesday to Thursday, with push on both platforms."),
            ),
            line(
                3,
                "I'll write to the beta testers about the new date by Wednesday.",
                Note("action_items", "Tell the beta testers about the new date.", due_text="by Wednesday"),
            ),
            line(
                1,
                "Do we still want the dark theme in this beta?",
                Note("questions", "Does the dark theme have to be in this beta?"),
            ),
            line(
                0,
                "No, the dark theme can wait for the release after it.",
                Note("decisions", "The dark theme waits for the release after this one."),
            ),
            line(2, "Fine with me. Then I have nothing more."),
            line(0, "Thanks everyone. Same time next week."),
        ),
    ),
    Script(
        name="budget-planning",
        score=-0.02,
        summary="In “{title}” {people} planned the budget of the coming quarter. Hosting takes a third of "
        "it, the training budget stays as it is, and a new laptop round is put off.",
        lines=(
            line(0, "Welcome to {title}. I've shared the sheet with last quarter's numbers."),
            line(
                0,
                "Hosting was thirty-four percent of what we spent. That is four points more than planned.",
                Note("key_points", "Hosting took 34 % of last quarter's spending, four points above the plan."),
                Note("topics", "Hosting costs"),
            ),
            line(
                1,
                "Most of that is the video storage. We keep every recording for ever.",
                Note("key_points", "Most of the hosting cost is storage for recordings that are never deleted."),
            ),
            line(
                2,
                "Could we delete recordings after ninety days, unless somebody pins them?",
                Note("questions", "Can recordings be deleted after 90 days unless they are pinned?"),
                Note("entities", "ninety days", type="duration"),
            ),
            line(
                1,
                "Technically yes. I'm not sure that the legal team is happy with that.",
                Note("objections", "The legal team may not accept that recordings are deleted."),
            ),
            line(
                1,
                "I'll ask legal for their view on ninety days by Friday.",
                Note("action_items", "Ask legal about deleting recordings after 90 days.", due_text="by Friday"),
            ),
            line(0, "Thank you, {1}. Next is training.", Note("topics", "Training")),
            line(3, "We used about half of it. I'd leave the amount as it is, people have booked for spring."),
            line(
                0,
                "Agreed, the training budget stays as it is.",
                Note("decisions", "The training budget stays as it is."),
            ),
            line(
                2,
                "And the laptops? Some of ours are four years old now.",
                Note("questions", "When are four-year-old laptops replaced?"),
                Note("topics", "Equipment"),
            ),
            line(
                0,
                "We put the laptop round off until the second half of the year. Broken ones are replaced.",
                Note("decisions", "The laptop round is put off to the second half of the year."),
            ),
            line(
                3,
                "Then I'll update the sheet and send it round next Monday.",
                Note("action_items", "Update the budget sheet and send it round.", due_text="next Monday"),
            ),
            line(0, "Good. That's all for today."),
        ),
    ),
)
