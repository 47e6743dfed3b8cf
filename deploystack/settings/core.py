"""The settings of the core."""

from __future__ import annotations

from .declarations import Setting, SettingGroup


def _port(value: int) -> None:
    if not 1 <= value <= 65535:
        raise ValueError("It must be a port, from 1 to 65535.")


GLOBAL = SettingGroup(
    id="global",
    name="Global",
    description="What holds for the whole application.",
    icon="settings",
    sort_order=0,
    settings=[
        Setting(
            key="global.page_url",
            type="url",
            default="http://127.0.0.1:3000",
            description="The address at which people reach the application.",
            required=True,
        ),
        Setting(
            key="global.enable_swagger_docs",
            type="boolean",
            default=True,
            description="Whether the API documentation is shown.",
        ),
        Setting(
            key="global.enable_login",
            type="boolean",
            default=True,
            description="Whether people may log in.",
        ),
        Setting(
            key="global.enable_email_registration",
            type="boolean",
            default=False,
            description="Whether people may register with an e-mail address.",
        ),
        Setting(
            key="global.send_mail",
            type="boolean",
            default=False,
            description="Whether e-mail is sent at all.",
        ),
    ],
)

SMTP = SettingGroup(
    id="smtp",
    name="E-mail",
    description="The server that sends e-mail.",
    icon="mail",
    sort_order=1,
    settings=[
        Setting(key="smtp.host", type="string", default="", description="Its name.", required=True),
        Setting(
            key="smtp.port",
            type="integer",
            default=587,
            description="Its port.",
            required=True,
            validate=_port,
        ),
        Setting(key="smtp.username", type="string", default="", description="Who logs in there."),
        Setting(
            key="smtp.password",
            type="string",
            default="",
            description="The password for that.",
            encrypted=True,
        ),
        Setting(
            key="smtp.secure",
            type="boolean",
            default=True,
            description="Whether TLS is used: from the start at port 465, else by STARTTLS.",
        ),
        Setting(
            key="smtp.from_name",
            type="string",
            default="DeployStack",
            description="Whom e-mail is from: a name.",
        ),
        Setting(
            key="smtp.from_email",
            type="email",
            default="",
            description="Whom e-mail is from: an address.",
            required=True,
        ),
    ],
)

SENT_ALONG = dict.fromkeys(("smtp.host", "smtp.port", "smtp.secure"), "smtp.password")
"""Settings that tell where a secret is sent, or whether anybody can listen."""

GROUPS = (GLOBAL, SMTP)
"""All groups of the core."""
