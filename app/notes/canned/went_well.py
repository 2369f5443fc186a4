"""Meetings that everybody left happily."""

from __future__ import annotations

from app.notes.canned.script import Note, Script, line

SCRIPTS = (
    Script(
        name="product-launch",
        score=0.52,
        summary="{people} prepared the launch in “{title}”. The trial group is delighted, sign-ups are "
        "twice what was hoped for, and the launch stays on Tuesday.",
        lines=(
            line(0, "Hello all, great to see you. {title} it is, and I have good news to start with."),
            line(
                0,
                "Sign-ups for the trial are at twice what we had hoped for.",
                Note("key_points", "Sign-ups for the trial are twice what was hoped for."),
                Note("topics", "Launch"),
            ),
            line(1, "Wow, that's fantastic. The announcement really worked."),
            line(
                2,
                "The trial group loves the new search. Nine out of ten say that they would recommend it.",
                Note("key_points", "Nine out of ten in the trial group would recommend the new search."),
                Note("topics", "Search"),
            ),
            line(
                3,
                "Will the servers carry that many people on the first day?",
                Note("questions", "Will the servers carry the first day?"),
            ),
            line(
                1,
                "Yes. We tried five times the load last night, and it stayed quick.",
                Note("key_points", "A test with five times the expected load stayed quick."),
                Note("topics", "Capacity"),
            ),
            line(0, "Excellent work, {1}. Then nothing stands in our way."),
            line(
                0,
                "So we launch on Tuesday, as planned.",
                Note("decisions", "The launch stays on Tuesday."),
                Note("entities", "Tuesday", type="date"),
            ),
            line(
                2,
                "I'll finish the help pages by Monday. The screenshots are already done.",
                Note("action_items", "Finish the help pages.", due_text="by Monday"),
            ),
            line(
                3,
                "I'll record a two-minute tour for the website by Monday.",
                Note("action_items", "Record a two-minute tour for the website.", due_text="by Monday"),
            ),
            line(
                1,
                "Shall we invite the trial group to a small celebration?",
                Note("questions", "Is the trial group invited to a celebration?"),
            ),
            line(
                0,
                "Lovely idea. Yes, we invite all of them, and the team too.",
                Note("decisions", "The trial group and the team are invited to a celebration."),
            ),
            line(2, "I'm really looking forward to it. Thanks, everyone!"),
        ),
    ),
    Script(
        name="retrospective",
        score=0.27,
        summary="In “{title}” {people} looked back on the last two weeks. Pairing and smaller changes helped "
        "a lot; slow test runs are next to be dealt with.",
        lines=(
            line(0, "Thanks for making time for {title}. What went well in these two weeks?"),
            line(
                1,
                "Pairing on the import was great. We found three mistakes before anybody else could.",
                Note("key_points", "Pairing on the import found three mistakes early."),
                Note("topics", "Pairing"),
            ),
            line(
                2,
                "I liked that our changes got smaller. Reviews took an hour and not two days.",
                Note("key_points", "Smaller changes cut reviews from two days to an hour."),
                Note("topics", "Reviews"),
            ),
            line(3, "Same here. And nobody had to work late this time, I'm happy about that."),
            line(0, "Nice. And what should be better?", Note("questions", "What should be better?")),
            line(
                2,
                "The tests take forty minutes. I keep losing the thread while I wait.",
                Note("pain_points", "A test run takes forty minutes."),
                Note("topics", "Test runs"),
                Note("entities", "forty minutes", type="duration"),
            ),
            line(
                1,
                "Can we run them side by side on the two build machines?",
                Note("questions", "Can tests run side by side on both build machines?"),
            ),
            line(
                3,
                "That should halve it. I'll try it out by Thursday.",
                Note("action_items", "Run the tests side by side on both machines.", due_text="by Thursday"),
            ),
            line(
                2,
                "I'd rather not touch the release pipeline this week, though.",
                Note("objections", "The release pipeline shouldn't be changed this week."),
            ),
            line(
                0,
                "Right, so we start with the test pipeline and leave the release pipeline alone.",
                Note("decisions", "Only the test pipeline is changed for now, not the release pipeline."),
            ),
            line(
                0,
                "And we keep pairing on everything that touches customer data.",
                Note("decisions", "Changes that touch customer data are paired on."),
            ),
            line(
                1,
                "I'll write both down in the team handbook tomorrow.",
                Note("action_items", "Write the two agreements down in the handbook.", due_text="tomorrow"),
            ),
            line(3, "Perfect. That was a good one, thank you."),
        ),
    ),
)
