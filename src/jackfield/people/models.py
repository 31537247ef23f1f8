"""Users: the people who sign in and to whom extensions belong."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from jackfield.console import validation
from jackfield.people.choices import Role

__all__ = ["User"]


class User(AbstractBaseUser):
    """A person. `password` holds a hash, or nothing while the person can't sign in."""

    login = models.CharField(max_length=150, unique=True, validators=[validation.login])
    name = models.CharField(max_length=100, blank=True, default="", validators=[validation.one_line])
    email = models.CharField(max_length=254, blank=True, default="", validators=[validation.email])
    language = models.CharField(max_length=35, blank=True, default="", validators=[validation.language])
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.USER)
    enabled = models.BooleanField(default=True)
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
    def is_active(self) -> bool:
        """Whether the person may sign in, by the name that Django asks for."""
        return bool(self.enabled)
