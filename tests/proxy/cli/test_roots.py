from pathlib import Path

from proxy.cli.roots import complaint, stranger

ROOT = Path("/lib/python")


def test_packages_from_one_root_are_ours() -> None:
    assert complaint({"config": ROOT / "config", "auth_plugins": ROOT / "auth_plugins"}, ROOT) is None
    assert stranger() is None


def test_a_package_from_elsewhere_is_named_with_its_distribution() -> None:
    import click  # noqa: PLC0415 - stands for a distribution whose package has our name

    place = Path(click.__file__).parent
    told = complaint({"config": place}, ROOT)
    assert told is not None
    assert told.startswith(f"the package config is taken from {place}, not from /lib/python/config, and belongs to")
    assert "(pip uninstall click)" in told


def test_a_missing_package_is_named() -> None:
    assert complaint({"config": None}, ROOT) == (
        "the package config is missing beside /lib/python/proxy. Install flowward again."
    )
