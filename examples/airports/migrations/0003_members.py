"""members.

Revision: 25380869299e, after 0002_reports_and_sessions (9a860139d5b8)
Made: 2026-11-27 04:32 UTC
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

from wholestack import db

revision = "25380869299e"
down_revision = "9a860139d5b8"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "airport_club",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("created_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("updated_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_club")),
        sa.UniqueConstraint("name", name=op.f("uq_airport_club_name")),
    )
    op.create_table(
        "airport_member_auth_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "user",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "actor",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "address",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "agent",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "request",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("details", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_event")),
    )
    op.create_index(op.f("ix_airport_member_auth_event_user"), "airport_member_auth_event", ["user"], unique=False)
    op.create_table(
        "airport_member_auth_role",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "name",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("permissions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_role")),
        sa.UniqueConstraint("name", name=op.f("uq_airport_member_auth_role_name")),
    )
    op.create_table(
        "login_tries",
        sa.Column("name", sa.String().with_variant(sa.String(length=64), "mariadb", "mysql"), nullable=False),
        sa.Column("tries", sa.Double(), nullable=False),
        sa.Column("tried_at", sa.Double(), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_login_tries")),
    )
    op.create_index("ix_login_tries_expires_at", "login_tries", ["expires_at"], unique=False)
    op.create_table(
        "airport_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("club_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "email",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("password", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=True),
        sa.Column("email_confirmed_at", db.Moment(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("login_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.Column("last_login_at", db.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["club_id"], ["airport_club.id"], name=op.f("fk_airport_member_club_id_airport_club"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member")),
        sa.UniqueConstraint("email", name=op.f("uq_airport_member_email")),
    )
    op.create_index(op.f("ix_airport_member_club_id"), "airport_member", ["club_id"], unique=False)
    op.create_table(
        "airport_flight",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("club_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("origin", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("destination", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("flown", sa.Date(), nullable=False),
        sa.Column("created_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("updated_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["club_id"], ["airport_club.id"], name=op.f("fk_airport_flight_club_id_airport_club"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["destination"], ["airport.code"], name=op.f("fk_airport_flight_destination_airport"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_flight_member_id_airport_member"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["origin"], ["airport.code"], name=op.f("fk_airport_flight_origin_airport"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_flight")),
    )
    op.create_index(op.f("ix_airport_flight_club_id"), "airport_flight", ["club_id"], unique=False)
    op.create_index(op.f("ix_airport_flight_destination"), "airport_flight", ["destination"], unique=False)
    op.create_index(op.f("ix_airport_flight_member_id"), "airport_flight", ["member_id"], unique=False)
    op.create_index(op.f("ix_airport_flight_origin"), "airport_flight", ["origin"], unique=False)
    op.create_table(
        "airport_member_auth_external",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column(
            "issuer",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "subject",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "email",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("last_used_at", db.Moment(), nullable=True),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_external_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_external")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_airport_member_auth_external_issuer_subject")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_external_user_id"), "airport_member_auth_external", ["user_id"], unique=False
    )
    op.create_table(
        "airport_member_auth_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column(
            "purpose",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("digest", sa.String().with_variant(sa.String(length=64), "mariadb", "mysql"), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("expires_at", db.Moment(), nullable=False),
        sa.Column("used_at", db.Moment(), nullable=True),
        sa.Column("tries", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_link_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_airport_member_auth_link_digest")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_link_expires_at"), "airport_member_auth_link", ["expires_at"], unique=False
    )
    op.create_index(op.f("ix_airport_member_auth_link_user_id"), "airport_member_auth_link", ["user_id"], unique=False)
    op.create_table(
        "airport_member_auth_membership",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["airport_member_auth_role.id"],
            name=op.f("fk_airport_member_auth_membership_role_id_airport_member_auth_role"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_membership_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_airport_member_auth_membership")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_membership_role_id"), "airport_member_auth_membership", ["role_id"], unique=False
    )
    op.create_index(
        op.f("ix_airport_member_auth_membership_user_id"), "airport_member_auth_membership", ["user_id"], unique=False
    )
    op.create_table(
        "airport_member_auth_passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column(
            "name",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "credential",
            sa.String().with_variant(
                mysql.VARCHAR(charset="ascii", collation="ascii_bin", length=1400), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transports", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("verifies", sa.Boolean(), nullable=False),
        sa.Column("copyable", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("last_used_at", db.Moment(), nullable=True),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_passkey_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_passkey")),
        sa.UniqueConstraint("credential", name=op.f("uq_airport_member_auth_passkey_credential")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_passkey_user_id"), "airport_member_auth_passkey", ["user_id"], unique=False
    )
    op.create_table(
        "airport_member_auth_recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.String().with_variant(sa.String(length=64), "mariadb", "mysql"), nullable=False),
        sa.Column("used_at", db.Moment(), nullable=True),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_recovery_code_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_recovery_code")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_recovery_code_digest"),
        "airport_member_auth_recovery_code",
        ["digest"],
        unique=False,
    )
    op.create_index(
        op.f("ix_airport_member_auth_recovery_code_user_id"),
        "airport_member_auth_recovery_code",
        ["user_id"],
        unique=False,
    )
    op.create_table(
        "airport_member_auth_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column(
            "name",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("digest", sa.String().with_variant(sa.String(length=64), "mariadb", "mysql"), nullable=False),
        sa.Column(
            "hint",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("expires_at", db.Moment(), nullable=True),
        sa.Column("last_used_at", db.Moment(), nullable=True),
        sa.Column(
            "last_used_address",
            sa.String().with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_token_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_airport_member_auth_token_digest")),
    )
    op.create_index(
        op.f("ix_airport_member_auth_token_user_id"), "airport_member_auth_token", ["user_id"], unique=False
    )
    op.create_table(
        "airport_member_auth_totp",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", db.Moment(), nullable=True),
        sa.Column("last_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failures", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["airport_member.id"],
            name=op.f("fk_airport_member_auth_totp_user_id_airport_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_member_auth_totp")),
        sa.UniqueConstraint("user_id", name=op.f("uq_airport_member_auth_totp_user_id")),
    )


def downgrade() -> None:
    op.drop_table("airport_member_auth_totp")
    op.drop_index(op.f("ix_airport_member_auth_token_user_id"), table_name="airport_member_auth_token")
    op.drop_table("airport_member_auth_token")
    op.drop_index(op.f("ix_airport_member_auth_recovery_code_user_id"), table_name="airport_member_auth_recovery_code")
    op.drop_index(op.f("ix_airport_member_auth_recovery_code_digest"), table_name="airport_member_auth_recovery_code")
    op.drop_table("airport_member_auth_recovery_code")
    op.drop_index(op.f("ix_airport_member_auth_passkey_user_id"), table_name="airport_member_auth_passkey")
    op.drop_table("airport_member_auth_passkey")
    op.drop_index(op.f("ix_airport_member_auth_membership_user_id"), table_name="airport_member_auth_membership")
    op.drop_index(op.f("ix_airport_member_auth_membership_role_id"), table_name="airport_member_auth_membership")
    op.drop_table("airport_member_auth_membership")
    op.drop_index(op.f("ix_airport_member_auth_link_user_id"), table_name="airport_member_auth_link")
    op.drop_index(op.f("ix_airport_member_auth_link_expires_at"), table_name="airport_member_auth_link")
    op.drop_table("airport_member_auth_link")
    op.drop_index(op.f("ix_airport_member_auth_external_user_id"), table_name="airport_member_auth_external")
    op.drop_table("airport_member_auth_external")
    op.drop_index(op.f("ix_airport_flight_origin"), table_name="airport_flight")
    op.drop_index(op.f("ix_airport_flight_member_id"), table_name="airport_flight")
    op.drop_index(op.f("ix_airport_flight_destination"), table_name="airport_flight")
    op.drop_index(op.f("ix_airport_flight_club_id"), table_name="airport_flight")
    op.drop_table("airport_flight")
    op.drop_index(op.f("ix_airport_member_club_id"), table_name="airport_member")
    op.drop_table("airport_member")
    op.drop_index("ix_login_tries_expires_at", table_name="login_tries")
    op.drop_table("login_tries")
    op.drop_table("airport_member_auth_role")
    op.drop_index(op.f("ix_airport_member_auth_event_user"), table_name="airport_member_auth_event")
    op.drop_table("airport_member_auth_event")
    op.drop_table("airport_club")
