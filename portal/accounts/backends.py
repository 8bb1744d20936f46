"""Who signs in, and who is signed in: allauth's backend, which reads the person of a request by a prepared query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend

from portal.accounts.models import User
from portal.core.prepared import Prepared

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class AuthenticationBackend(AllauthBackend):  # type: ignore[misc]  # allauth has no types
    """Allauth's own, with one statement compiled beforehand: it is part of every page of somebody signed in."""

    def get_user(self, user_id: int) -> AbstractBaseUser | None:
        for user in _people.rows(user_id):
            return user if self.user_can_authenticate(user) else None
        return None


_people: Final = Prepared(lambda pk: User.objects.filter(pk=pk), int)
