from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from config.files import SecretFile


class Holder(BaseModel):
    password: SecretFile


def held(value: object, directory: Path) -> str:
    return Holder.model_validate({"password": value}, context={"directory": directory}).password.get_secret_value()


@pytest.mark.parametrize(("content", "secret"), [("pw\n", "pw"), ("pw\r\n", "pw"), (" p w ", " p w "), ("pw", "pw")])
def test_a_secret_is_the_file_without_its_line_end(tmp_path: Path, content: str, secret: str) -> None:
    (tmp_path / "s").write_bytes(content.encode())
    assert held({"file": "s"}, tmp_path) == secret


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"\n", "is empty"), (b"\xff", "it is not UTF-8 text")],
)
def test_a_secret_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    with pytest.raises(ValidationError, match=message):
        held({"file": "s"}, tmp_path)


@pytest.mark.parametrize("written", ["pw", {"file": "s", "more": 1}, {"path": "s"}, {"file": 5}, {"file": ""}, None])
def test_a_secret_only_ever_names_a_file(tmp_path: Path, written: object) -> None:
    with pytest.raises(ValidationError, match=r"must (name a file|be a path)"):
        held(written, tmp_path)
