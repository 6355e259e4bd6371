import stat
from pathlib import Path

import jwt
import pytest

from config.keys import KEPT_AFTER, PUBLISHED_AHEAD, Keys, load_or_create
from config.problems import ConfigurationError

NOW = 1_800_000_000.0
ASSERTION = 60.0
"""Seconds for which an assertion is valid at most."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "var"


def published(keys: Keys, now: float) -> list[str]:
    return [key["kid"] for key in keys.jwks(now)["keys"]]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_what_is_missing_for_the_owner_alone(directory: Path) -> None:
    load_or_create(directory, NOW)
    assert mode(directory) == 0o700
    assert {path.name: mode(path) for path in directory.iterdir()} == {"secret": 0o600, "signing-keys.json": 0o600}


def test_a_restart_finds_the_same_keys(directory: Path) -> None:
    first = load_or_create(directory, NOW)
    second = load_or_create(directory, NOW + 1)
    assert second.secret == first.secret
    assert second.jwks(NOW) == first.jwks(NOW)
    assert second.subkey("login") == first.subkey("login")


def test_of_two_that_start_at_once_both_have_the_keys_of_the_first(directory: Path) -> None:
    """The second has looked, found nothing, and made a secret of its own when the first writes."""
    first: list[Keys] = []

    def slow(size: int) -> bytes:
        first.append(load_or_create(directory, NOW))
        return b"2" * size

    second = load_or_create(directory, NOW, slow)
    assert second.secret == first[0].secret == load_or_create(directory, NOW).secret
    assert second.jwks(NOW) == first[0].jwks(NOW)
    assert {path.name for path in directory.iterdir()} == {"secret", "signing-keys.json"}


def test_every_purpose_has_a_key_of_its_own(directory: Path) -> None:
    keys = load_or_create(directory, NOW, random=bytes)
    assert keys.secret == bytes(32)
    assert len(keys.subkey("a")) == 32
    assert len({keys.subkey("a"), keys.subkey("b"), keys.secret}) == 3


def test_the_first_key_signs_at_once(directory: Path) -> None:
    """Nobody can hold an older key, so there is nobody to wait for."""
    keys = load_or_create(directory, NOW)
    assert published(keys, NOW) == [keys.current(NOW).kid]


def test_what_is_signed_verifies_with_what_is_published(directory: Path) -> None:
    keys = load_or_create(directory, NOW)
    key = keys.current(NOW)
    token = jwt.encode({"sub": "ada"}, key.private_key, algorithm="ES256", headers={"kid": key.kid})
    public = jwt.PyJWKSet.from_dict(keys.jwks(NOW))[key.kid]
    assert jwt.decode(token, public, algorithms=["ES256"]) == {"sub": "ada"}


def test_what_is_published_holds_no_private_part(directory: Path) -> None:
    (key,) = load_or_create(directory, NOW).jwks(NOW)["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_a_new_key_is_published_ten_minutes_before_it_signs(directory: Path) -> None:
    before = load_or_create(directory, NOW)
    old = before.current(NOW)
    keys = before.rotate(NOW)
    assert len(published(keys, NOW)) == 2
    assert keys.current(NOW).kid == old.kid
    assert keys.current(NOW + PUBLISHED_AHEAD - 1).kid == old.kid
    new = keys.current(NOW + PUBLISHED_AHEAD)
    assert new.kid != old.kid
    assert new.kid in published(keys, NOW)


def test_an_old_key_stays_published_until_nothing_it_signed_is_valid(directory: Path) -> None:
    """At every second, whatever was signed within the life of an assertion verifies."""
    before = load_or_create(directory, NOW)
    keys = before.rotate(NOW)
    end = int(PUBLISHED_AHEAD + KEPT_AFTER + ASSERTION)
    for second in range(0, end, 5):
        signer = keys.current(NOW + second)
        assert signer.kid in published(keys, NOW + second)
        assert signer.kid in published(keys, NOW + second + ASSERTION)
    assert before.current(NOW).kid not in published(keys, NOW + end)


def test_rotating_twice_at_once_breaks_nothing(directory: Path) -> None:
    keys = load_or_create(directory, NOW).rotate(NOW).rotate(NOW + 1)
    for second in range(0, 2400, 5):
        signer = keys.current(NOW + second)
        assert signer.kid in published(keys, NOW)
        assert signer.kid in published(keys, NOW + second + ASSERTION)


def test_rotations_survive_a_restart_and_drop_what_is_retired(directory: Path) -> None:
    keys = load_or_create(directory, NOW).rotate(NOW)
    assert load_or_create(directory, NOW).jwks(NOW) == keys.jwks(NOW)
    later = NOW + PUBLISHED_AHEAD + KEPT_AFTER
    assert len(keys.rotate(later).signing) == 2


def test_a_clock_set_back_still_signs_with_what_all_know(directory: Path) -> None:
    before = load_or_create(directory, NOW)
    assert before.rotate(NOW).current(0.0).kid == before.current(NOW).kid


def test_writing_leaves_nothing_beside_the_files(directory: Path) -> None:
    load_or_create(directory, NOW).rotate(NOW)
    assert sorted(path.name for path in directory.iterdir()) == ["secret", "signing-keys.json"]
    assert mode(directory / "signing-keys.json") == 0o600


@pytest.mark.parametrize("name", ["secret", "signing-keys.json"])
@pytest.mark.parametrize("bits", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(directory: Path, name: str, bits: int) -> None:
    load_or_create(directory, NOW)
    path = directory / name
    path.chmod(bits)
    with pytest.raises(ConfigurationError) as refused:
        load_or_create(directory, NOW)
    assert str(refused.value) == (
        f"{path}: must be readable by its owner alone, but its mode is {bits:04o}. "
        f"Run chmod 600 {path}, and rotate the keys if others could have read it."
    )


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("secret", b"short", "must hold 32 bytes, but it holds 5"),
        ("signing-keys.json", b"", "does not hold signing keys"),
        ("signing-keys.json", b'{"keys": []}', "does not hold signing keys"),
        (
            "signing-keys.json",
            b'{"keys": [{"kid": "a", "private_key": "x", "created": 1, "signs_from": 1, "retires": null}]}',
            "does not hold signing keys",
        ),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(directory: Path, name: str, content: bytes, problem: str) -> None:
    load_or_create(directory, NOW)
    path = directory / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load_or_create(directory, NOW)
    assert str(refused.value).startswith(f"{path}: {problem}. Restore it from a backup")
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be made: Not a directory\. Correct state\.directory\."):
        load_or_create(tmp_path / "file/var", NOW)
