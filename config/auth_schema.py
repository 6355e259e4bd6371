"""The ways in: what the gateway itself decides about each of them, beside the options of its plugin."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from config.addresses import HostName
from config.base import Listing, Section
from config.estate_schema import OverrideRole
from config.names import Slug, SpaceSlug
from config.times import Duration, PositiveDuration


class GroupMapping(Section):
    """What the groups that a provider names mean here. The highest role wins."""

    prefix: str = Field(
        default="ff-",
        description="What group names start with that say team and role, as ff-TEAM-ROLE or ff-TEAM[APPLICATION]-ROLE; "
        "empty to read no names.",
    )
    strip_prefix: int = Field(default=0, ge=0, description="Characters to cut off before a name is read.")
    strip_suffix: int = Field(default=0, ge=0, description="Characters to cut off its end.")
    names: Mapping[str, str] = Field(
        default={}, description="Names of groups that the provider gives by id, such as the GUIDs of Microsoft Entra."
    )
    table: Mapping[str, Mapping[str, OverrideRole]] = Field(
        default={}, description="Group -> team, or application as acme/plant -> role."
    )
    teams: Listing[SpaceSlug] | None = Field(
        default=None, description="Teams these groups decide about; all where left out."
    )
    other_teams: bool = Field(
        default=True, description="Leave memberships of other teams alone; false removes them at the next login."
    )
    admin: str = Field(default="", description="Group whose members are admins; empty for none.")
    required: bool = Field(default=True, description="Refuse a login for which the provider names no groups at all.")


class ProviderSession(Section):
    """How long a login by this way lasts, where it is not what `session` says."""

    absolute: PositiveDuration | None = Field(default=None, description="From login to the end, whatever happens.")
    idle: PositiveDuration | None = Field(default=None, description="Without activity.")


class AuthEntry(BaseModel):
    """A way to log in, in the order offered on the login page; further keys are the plugin's own options."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    __pydantic_extra__: dict[str, object] = Field(init=False)

    name: Slug = Field(description="Name in addresses (/-/auth/NAME/), logs and audit; unique.")
    plugin: str = Field(min_length=1, description="Name of an installed plugin, for example local.")
    title: str = Field(
        default="",
        max_length=64,
        description="What its button on the login page says; if empty, its name, or that it is an account of this gateway.",
    )
    active: bool = Field(default=True, description="Whether it may be used; false keeps its settings for later.")
    domains: Listing[HostName] = Field(
        default=(),
        description="E-mail domains this provider speaks for: their people log in by it alone, and it speaks for no "
        "other address. Empty where it may name any address, none of which is then believed to be anybody's here.",
    )
    provision: bool = Field(default=False, description="Make an account for somebody who has none.")
    groups: GroupMapping | None = Field(default=None, description="What its groups mean; null where they mean nothing.")
    session: ProviderSession = Field(default=ProviderSession(), description="How long a login by it lasts.")
    second_factor: Literal["trust", "ask"] = Field(
        default="trust",
        description="Whether its own login counts as a second factor where one is enforced; trust has no effect on "
        "local accounts.",
    )
    refresh: Duration = Field(
        default=900.0, description="How often it is asked whether people who are logged in still may be; 0 for never."
    )
    _directory: Path = PrivateAttr(default=Path())

    @property
    def options(self) -> Mapping[str, object]:
        """The plugin's options as written, for its own settings to parse."""
        return self.__pydantic_extra__

    @property
    def directory(self) -> Path:
        """What relative paths in the options are relative to."""
        return self._directory

    @model_validator(mode="after")
    def _knows_its_file(self, info: ValidationInfo) -> "AuthEntry":
        directory = info.context.get("directory") if isinstance(info.context, Mapping) else None
        self._directory = directory if isinstance(directory, Path) else Path()
        return self
