"""Login: who a request is from, what they may, and the accounts that it takes.

Here belongs a user as a type (`_user`, `_identity`), the tables beside the users' (`_tables`), what accounts go through
(`_accounts`, `_means`, `_changes`, `_links`, `_outside`, `_import`, `_trail`), how they are opened: by passwords
(`_hash*`, `_password_rules`, `_throttle*`, `_device`), codes (`_totp*`, `_recovery`, `_magic`), passkeys (`_passkey*`,
`_webauthn`), other providers (`_oidc*`, `_oauth2`, `_providers`, `_external_pages`, `_jose`, `_fetch`) and tokens
(`_token*`, `_jwt`), what lets in when one of them goes (`_ways`) and how an account ends (`_ending`); who may come in
(`_rules`, `_access`, `_schemes`), with which rows (`_policies`, `_policy_forms`) and as which tenant (`_tenants`,
`_scope*`, `_row_security`); the pages (`_login_pages`, `_account_pages`, `_sign_up`, `_factors`, `_factor_pages`,
`_impersonation`, `_fields`, `_places`, `pages`) and the plugin that joins them to an app (`_plugin`); the rest are
plugins of their own beside it. Never here: where sessions are kept, how a mail is sent, a back office. A
call flows so: a handler asks for `User`; its provider asks the request's `Identity`, which looks at the session's
user, or at a token, and loads the row; the page for who is nobody is an error handler's. Everything is plain code that
waits, and so serves both colours.
"""

from ._access import AccessRequired, RouteAccess, access_of
from ._accounts import Accounts
from ._changes import invite
from ._closing import ClosingRefused
from ._errors import (
    ForeignRow,
    LoginRequired,
    LoginTooOld,
    NoTenant,
    ScopeMissing,
    SecondFactorRequired,
    TokenRefused,
    UnscopedStatement,
)
from ._factor_removal import HeldFactors, held_factors, remove_factors
from ._fetch import ProviderAway
from ._fields import Email, NewPassword, OldPassword, SignUp
from ._hashing import Passwords, Verified
from ._identity import Bearer, Borne, Identity, Login, identity_of
from ._impersonation import Impersonation
from ._import import Imported, import_django
from ._jwt import JWTIssuer
from ._magic import MagicLink
from ._means import PasswordRefused, SecondFactor, Section
from ._oauth2 import OAuth2
from ._oidc import OpenIDConnect
from ._outside import add_to_role, role_called, take_from_role
from ._passkeys import Passkeys
from ._password_rules import PasswordRules
from ._plugin import Auth
from ._policies import Policy, govern, policy
from ._providers import apple, github, gitlab, google, keycloak, microsoft
from ._row_security import disable_row_security, enable_row_security
from ._rules import (
    by_session,
    confirmed,
    logged_in,
    mfa,
    permission,
    permission_name,
    permissions_of,
    public,
    recent_login,
    role,
    staff,
    superuser,
)
from ._scopes import OfTenant, Scoped, Tenant, scope_to, unscoped
from ._tables import Tables
from ._tenants import Tenants
from ._throttle import Throttle
from ._tokens import Tokens
from ._totp import TOTP
from ._user import UserMixin, normal_email

__all__ = [
    "TOTP",
    "AccessRequired",
    "Accounts",
    "Auth",
    "Bearer",
    "Borne",
    "ClosingRefused",
    "Email",
    "ForeignRow",
    "HeldFactors",
    "Identity",
    "Impersonation",
    "Imported",
    "JWTIssuer",
    "Login",
    "LoginRequired",
    "LoginTooOld",
    "MagicLink",
    "NewPassword",
    "NoTenant",
    "OAuth2",
    "OfTenant",
    "OldPassword",
    "OpenIDConnect",
    "Passkeys",
    "PasswordRefused",
    "PasswordRules",
    "Passwords",
    "Policy",
    "ProviderAway",
    "RouteAccess",
    "ScopeMissing",
    "Scoped",
    "SecondFactor",
    "SecondFactorRequired",
    "Section",
    "SignUp",
    "Tables",
    "Tenant",
    "Tenants",
    "Throttle",
    "TokenRefused",
    "Tokens",
    "UnscopedStatement",
    "UserMixin",
    "Verified",
    "access_of",
    "add_to_role",
    "apple",
    "by_session",
    "confirmed",
    "disable_row_security",
    "enable_row_security",
    "github",
    "gitlab",
    "google",
    "govern",
    "held_factors",
    "identity_of",
    "import_django",
    "invite",
    "keycloak",
    "logged_in",
    "mfa",
    "microsoft",
    "normal_email",
    "permission",
    "permission_name",
    "permissions_of",
    "policy",
    "public",
    "recent_login",
    "remove_factors",
    "role",
    "role_called",
    "scope_to",
    "staff",
    "superuser",
    "take_from_role",
    "unscoped",
]
