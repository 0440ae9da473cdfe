"""What events of the audit trail are called, for people."""

from __future__ import annotations

from collections.abc import Mapping

from wholestack.languages import gettext


def labels() -> Mapping[str, str]:
    """What events are called, for people."""
    return {
        "account-made": gettext("Account made"),
        "account-changed": gettext("Account changed by a command"),
        "account-closed": gettext("Account closed"),
        "address-confirmed": gettext("Address confirmed"),
        "confirmation-failed": gettext("Confirmation of the address refused"),
        "email-asked": gettext("Another address asked for"),
        "email-changed": gettext("Address changed"),
        "external-linked": gettext("Other login linked"),
        "external-refused": gettext("Other login refused"),
        "external-unlinked": gettext("Link with another login taken away"),
        "impersonation-begun": gettext("A member of staff has begun to act as you"),
        "impersonation-ended": gettext("A member of staff has stopped acting as you"),
        "login": gettext("Login"),
        "login-confirmed": gettext("Login confirmed"),
        "login-failed": gettext("Login refused"),
        "logout": gettext("Logout"),
        "logout-everywhere": gettext("Logout everywhere"),
        "password-changed": gettext("Password changed"),
        "password-removed": gettext("Password removed"),
        "reset-asked": gettext("New password asked for"),
        "mail-login-asked": gettext("Mail to log in with asked for"),
        "passkey-added": gettext("Passkey added"),
        "passkey-copied": gettext("Passkey refused: it seems to be a copy"),
        "passkey-removed": gettext("Passkey removed"),
        "passkey-renamed": gettext("Passkey renamed"),
        "recovery-code-used": gettext("Recovery code used"),
        "recovery-codes-made": gettext("Recovery codes made"),
        "recovery-codes-removed": gettext("Recovery codes removed"),
        "role-given": gettext("Role given"),
        "role-taken": gettext("Role taken away"),
        "roles-changed": gettext("Roles changed"),
        "second-factor-failed": gettext("Second factor refused"),
        "session-ended": gettext("Session ended"),
        "sign-up-again": gettext("Sign-up refused: the address has this account"),
        "totp-added": gettext("App for codes added"),
        "totp-removed": gettext("App for codes removed"),
        "unproven-removed": gettext("What was set up before the address was proven is removed"),
        "token-made": gettext("Token for programs made"),
        "token-revoked": gettext("Token for programs revoked"),
    }
