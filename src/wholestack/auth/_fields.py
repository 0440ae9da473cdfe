"""The fields of the forms of login, and the forms themselves."""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic_core import PydanticCustomError

from wholestack.forms import Widget
from wholestack.languages import lazy
from wholestack.mail import Address, MessageRefused

from ._user import LONGEST_EMAIL, normal_email

MOST_PASSWORD = 4096
# As a pattern, so that the document says it, too: a form that holds one is refused before it is read (400).
NO_NUL = r"^[^\x00]*$"


def _address(text: str) -> str:
    found = normal_email(text)
    try:
        Address(found)
    except MessageRefused:
        raise PydanticCustomError("email", "This is no e-mail address.") from None
    return found


Email = Annotated[
    str,
    pydantic.StringConstraints(min_length=3, max_length=LONGEST_EMAIL),
    pydantic.AfterValidator(_address),
    pydantic.Field(title=lazy("E-mail address"), json_schema_extra={"format": "email"}),
    Widget("email", autocomplete="username"),
]
"""An address as accounts are called by it."""

# Its length only: rules that a login's form told would be told to those who try passwords, too.
OldPassword = Annotated[
    pydantic.SecretStr,
    pydantic.Field(title=lazy("Password"), min_length=1, max_length=MOST_PASSWORD),
    Widget("password", autocomplete="current-password"),
]
NewPassword = Annotated[
    pydantic.SecretStr,
    pydantic.Field(title=lazy("New password"), min_length=1, max_length=MOST_PASSWORD),
    Widget("password", autocomplete="new-password"),
]


# Who comes in by a passkey, or through somebody else, has none.
OptionalPassword = Annotated[
    pydantic.SecretStr | None,
    pydantic.Field(title=lazy("Password"), max_length=MOST_PASSWORD),
    Widget("password", autocomplete="current-password"),
]


class Credentials(pydantic.BaseModel):
    """What a login's form holds."""

    email: Email
    password: OldPassword
    remember: Annotated[bool, pydantic.Field(title=lazy("Stay logged in on this device"))] = False


class PasswordAgain(pydantic.BaseModel):
    """Proof by somebody who is logged in already."""

    password: OldPassword


class SignUp(pydantic.BaseModel):
    """What it takes to make an account. Subclass it for more: its fields become columns of the user.

    Example:
        >>> class SignUpWithName(SignUp):
        ...     nickname: str
        >>> list(SignUpWithName.model_fields)
        ['email', 'password', 'nickname']
    """

    email: Email
    password: Annotated[NewPassword, pydantic.Field(title=lazy("Password"))]


class Proof(pydantic.BaseModel):
    """What confirms an address: the password that was chosen, where another browser opens the link."""

    password: Annotated[
        pydantic.SecretStr | None,
        pydantic.Field(title=lazy("The password that you have chosen"), max_length=MOST_PASSWORD),
        Widget("password", autocomplete="current-password"),
    ] = None


class AskedEmail(pydantic.BaseModel):
    """An address to which something is mailed."""

    email: Email


class ChosenPassword(pydantic.BaseModel):
    """A new password, by somebody who has shown a link."""

    password: NewPassword


class ChangedPassword(pydantic.BaseModel):
    """A new password, by somebody who knows the old one."""

    old: Annotated[OptionalPassword, pydantic.Field(title=lazy("Old password"))] = None
    new: NewPassword


class ChangedEmail(pydantic.BaseModel):
    """A new address, by somebody who knows the password."""

    email: Annotated[Email, pydantic.Field(title=lazy("New e-mail address"), json_schema_extra={"format": "email"})]
    password: OptionalPassword = None


class WithoutPassword(pydantic.BaseModel):
    """A password that is to go, by somebody who knows it."""

    password: OptionalPassword = None


class Closing(pydantic.BaseModel):
    """The end of an account."""

    password: OptionalPassword = None
    sure: Annotated[bool, pydantic.Field(title=lazy("Yes, delete my account and what belongs to it"))] = False


class Nothing(pydantic.BaseModel):
    """A form with a button only."""
