"""The settings of the core."""

from __future__ import annotations

from ..texts import N_
from .declarations import Setting, SettingGroup


def _port(value: int) -> None:
    if not 1 <= value <= 65535:
        raise ValueError("It must be a port, from 1 to 65535.")


GLOBAL = SettingGroup(
    id="global",
    name=N_("Global"),
    description=N_("What holds for the whole application."),
    icon="settings",
    sort_order=0,
    settings=[
        Setting(
            key="global.page_url",
            label=N_("Address of the application"),
            type="url",
            default="http://127.0.0.1:3000",
            description=N_("The address at which people reach the application."),
            required=True,
        ),
        Setting(
            key="global.enable_swagger_docs",
            label=N_("API documentation"),
            type="boolean",
            default=True,
            description=N_("Whether the API documentation is shown."),
        ),
        Setting(
            key="global.enable_login",
            label=N_("Logging in"),
            type="boolean",
            default=True,
            description=N_("Whether people may log in."),
        ),
        Setting(
            key="global.enable_email_registration",
            label=N_("Registration"),
            type="boolean",
            default=False,
            description=N_("Whether people may register with an e-mail address."),
        ),
        Setting(
            key="global.send_mail",
            label=N_("Sending e-mail"),
            type="boolean",
            default=False,
            description=N_("Whether e-mail is sent at all."),
        ),
    ],
)

SMTP = SettingGroup(
    id="smtp",
    name=N_("E-mail"),
    description=N_("The server that sends e-mail."),
    icon="mail",
    sort_order=1,
    settings=[
        Setting(
            key="smtp.host",
            label=N_("Mail server"),
            type="string",
            default="",
            description=N_("Its host name or address."),
            required=True,
        ),
        Setting(
            key="smtp.port",
            label=N_("Port"),
            type="integer",
            default=587,
            description=N_("587 as a rule; 465 for TLS from the start."),
            required=True,
            validate=_port,
        ),
        Setting(
            key="smtp.username",
            label=N_("Username"),
            type="string",
            default="",
            description=N_("Leave it empty if the server wants no login."),
        ),
        Setting(
            key="smtp.password",
            label=N_("Password"),
            type="string",
            default="",
            description=N_("The password that goes with the username."),
            encrypted=True,
        ),
        Setting(
            key="smtp.secure",
            label=N_("Encryption (TLS)"),
            type="boolean",
            default=True,
            description=N_("Whether TLS is used: from the start at port 465, else by STARTTLS."),
        ),
        Setting(
            key="smtp.from_name",
            label=N_("Name of the sender"),
            type="string",
            default="DeployStack",
            description=N_("Shown as the sender of e-mail."),
        ),
        Setting(
            key="smtp.from_email",
            label=N_("Address of the sender"),
            type="email",
            default="",
            description=N_("Whom e-mail comes from, and where answers go."),
            required=True,
        ),
    ],
)

SENT_ALONG = dict.fromkeys(("smtp.host", "smtp.port", "smtp.secure"), "smtp.password")
"""Settings that tell where a secret is sent, or whether anybody can listen."""

GROUPS = (GLOBAL, SMTP)
"""All groups of the core."""
