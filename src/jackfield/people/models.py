"""Users: the people who sign in and to whom extensions belong; their sessions, and the failures to sign in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.people.choices import Role
from jackfield.people.factors import AccountEvent, Authenticator, Passkey, RecoveryCode
from jackfield.people.levels import Areas
from jackfield.people.tokens import KeptAnswer, Token

__all__ = [
    "AccountEvent",
    "Authenticator",
    "Failure",
    "KeptAnswer",
    "OwnRole",
    "Passkey",
    "RecoveryCode",
    "Session",
    "SignIn",
    "Token",
    "User",
]


class OwnRole(models.Model):
    """A role of the company's own. Users name it; those built in are in `choices.Role`."""

    name = models.CharField(max_length=60, unique=True, validators=[validation.one_line])
    areas = DataField(Areas, default=Areas)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f'the role "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse the name of a role that is built in. Raises `ValidationError`."""
        if "name" not in unread and self.name.lower() in Role.values:
            raise validation.wrong("name", f'"{self.name}" is built in: give this role another name')

    def clean(self) -> None:
        """Do the same for a form."""
        self.check_together()


class SignIn(Single):
    """The rules of signing in. There is one row, made when it is first changed."""

    idle_minutes = models.IntegerField(default=720, validators=[validation.Between(5, 43200, "minutes")])
    longest_hours = models.IntegerField(default=336, validators=[validation.Between(1, 2160, "hours")])
    second_factor = DataField(tuple[str, ...], default=tuple)
    password_length = models.IntegerField(default=10, validators=[validation.Between(8, 64, "characters")])
    tries = models.IntegerField(default=5, validators=[validation.Between(2, 100)])
    address_tries = models.IntegerField(default=20, validators=[validation.Between(5, 1000)])
    browser_phones = models.BooleanField(default=True)
    browser_roles = DataField(tuple[str, ...], default=tuple)

    def __str__(self) -> str:
        return "the rules of signing in"

    def lets_phone(self, user: User) -> bool:
        """Tell whether a user may have phones in browsers: by the company's switch, his role, and his own."""
        return bool(
            self.browser_phones and user.browser_phone and (not self.browser_roles or user.role in self.browser_roles)
        )


class User(AbstractBaseUser):
    """A person. `password` holds a hash, or nothing while the person can't sign in."""

    login = models.CharField(max_length=150, unique=True, validators=[validation.login])
    name = models.CharField(max_length=100, blank=True, default="", validators=[validation.one_line])
    email = models.CharField(max_length=254, blank=True, default="", validators=[validation.email])
    language = models.CharField(max_length=35, blank=True, default="", validators=[validation.language])
    role = models.CharField(max_length=60, default=Role.USER)  # one of `Role`, or the name of an `OwnRole`
    enabled = models.BooleanField(default=True)
    browser_phone = models.BooleanField(default=True)
    password = models.CharField(max_length=200, blank=True, default="", editable=False)

    natural_key_field = "login"
    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    objects = BaseUserManager()

    class Meta:
        ordering = ("login",)

    def __str__(self) -> str:
        return f'the user "{self.login}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""

    @property
    def shown_name(self) -> str:
        """What people call the person."""
        return str(self.name or self.login)

    @property
    def is_active(self) -> bool:
        """Whether the person may sign in, by the name that Django asks for."""
        return bool(self.enabled) and self.role != Role.NONE


class Session(AbstractBaseSession):
    """One browser that is signed in. The columns beside Django's are what people see of it."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    began = models.FloatField(default=0)  # seconds since 1970
    seen = models.FloatField(default=0)
    address = models.CharField(max_length=64, blank=True, default="")
    user_agent = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ("-seen",)

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the class that reads and writes sessions, as Django asks for it."""
        from jackfield.people.sessions import SessionStore

        return SessionStore


class Failure(models.Model):
    """Failed attempts to sign in, counted as `console.web.attempts` counts them: `user:7`, `address:192.0.2.7`."""

    who = models.CharField(max_length=220, primary_key=True)
    count = models.IntegerField(default=0)
    last = models.FloatField(default=0)  # seconds since 1970

    def __str__(self) -> str:
        return f"{self.count} failures of {self.who}"
