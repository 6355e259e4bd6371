"""What a directory's answer to a bind means."""

import pytest

from auth_plugins import Refused, Unavailable
from auth_plugins.ldap.verdicts import PASSWORD_POLICY, Answered, judge, policy_error

WINDOWS = "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data {}, v3839\0"


@pytest.mark.parametrize(
    ("code", "message", "refused"),
    [
        (49, WINDOWS.format("525"), "user_unknown"),
        (49, WINDOWS.format("52e"), "credentials_wrong"),
        (49, WINDOWS.format("52E"), "credentials_wrong"),
        (49, WINDOWS.format("530"), "login_hours"),
        (49, WINDOWS.format("531"), "login_place"),
        (49, WINDOWS.format("532"), "password_expired"),
        (49, WINDOWS.format("533"), "account_disabled"),
        (49, WINDOWS.format("701"), "account_expired"),
        (49, WINDOWS.format("773"), "password_must_change"),
        (49, WINDOWS.format("775"), "account_locked"),
        (49, WINDOWS.format("57"), "credentials_wrong"),
        (49, "", "credentials_wrong"),
        (49, "data 533x", "credentials_wrong"),
        (32, "", "credentials_wrong"),
        (48, "", "credentials_wrong"),
        (19, "Exceed password retry limit. Please try later.", "account_locked"),
        (53, "Account inactivated. Contact system administrator.", "account_disabled"),
    ],
)
def test_the_visitor_is_refused(code: int, message: str, refused: str) -> None:
    with pytest.raises(Refused) as raised:
        judge(Answered(code=code, message=message))
    assert raised.value.code == refused


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (1, "directory_trouble"),
        (2, "directory_trouble"),
        (8, "tls_required"),
        (10, "directory_trouble"),
        (13, "tls_required"),
        (14, "directory_trouble"),
        (53, "directory_trouble"),
        (80, "directory_trouble"),
        (-1, "directory_trouble"),
    ],
)
def test_the_question_could_not_be_asked(code: int, trouble: str) -> None:
    with pytest.raises(Unavailable) as raised:
        judge(Answered(code=code))
    assert raised.value.code == trouble


def test_only_success_lets_in() -> None:
    judge(Answered(code=0))


@pytest.mark.parametrize(
    ("value", "error", "refused"),
    [
        (b"0\x00", None, None),
        (b"", None, None),
        (b"0\x03\x81\x01\x00", 0, "password_expired"),
        (b"0\x03\x81\x01\x01", 1, "account_locked"),
        (b"0\x03\x81\x01\x02", 2, "password_must_change"),
        (b"0\x05\xa0\x03\x80\x01\x7b", None, None),
        (b"0\x08\xa0\x03\x81\x01\x02\x81\x01\x02", 2, "password_must_change"),
        (b"0\x05\xa0\x03\x81\x01\x02", None, None),
        (b"0\x03\x81\x01", None, None),
    ],
    ids=[
        "nothing to say",
        "nothing",
        "expired",
        "locked",
        "must change",
        "expires soon",
        "grace login, must change",
        "two grace logins left",
        "cut off",
    ],
)
def test_the_password_policys_answer(value: bytes, error: int | None, refused: str | None) -> None:
    """Of right passwords too: one that must be changed first is good for nothing else."""
    assert policy_error(value) == error
    answered = Answered.of({"result": 0, "message": "", "controls": {PASSWORD_POLICY[0]: {"value": value}}})
    if refused is None:
        judge(answered)
    else:
        with pytest.raises(Refused, match=refused):
            judge(answered)


def test_a_result_that_has_none_lets_nobody_in() -> None:
    with pytest.raises(Unavailable):
        judge(Answered.of({}))
