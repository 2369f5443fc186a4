import pytest

from tests.support.people import Person, ok


@pytest.mark.parametrize(
    ("media_mode", "e2ee", "layers"),
    [("mock", False, ["q", "h", "f"]), ("mock", True, []), ("p2p", False, [])],
)
def test_a_camera_comes_in_layers_where_a_media_server_can_choose_among_them(
    anna: Person, media_mode: str, e2ee: bool, layers: list[str]
) -> None:
    meeting = anna.create_meeting(media_mode=media_mode, e2ee=e2ee)
    assert [layer["rid"] for layer in anna.join(meeting)["rtc"]["simulcast"]] == layers
    config = ok(anna.get(f"/meetings/{meeting['id']}/rtc/config"))
    assert [layer["rid"] for layer in config["simulcast"]] == layers
