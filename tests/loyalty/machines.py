"""What state machines of points share: commands that fail in the middle, are given again, and leave nothing of a failure."""

from __future__ import annotations

import os

from django.db import OperationalError, connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from loyalty import exceptions


class LostPowerError(OperationalError):
    """Raised at a statement in the middle of a command."""


class CommandMachine(RuleBasedStateMachine):
    """Gives commands to the portal. Subclasses say what is `stored`."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.done = []  # commands that were acknowledged, and what they returned
        self.fails_at = 0

    def new_id(self):
        self.count += 1
        return f"{self.programme.pk}:{self.count}"

    def give(self, command, **arguments):
        """Give the command, if need be after an attempt that fails in the middle. Return what it returns, or the error."""
        try:
            answer = self.attempt(command, arguments) or command(**arguments)
        except exceptions.LedgerError as error:
            return error
        if answer is not None:
            self.done.append((command, arguments, answer))
        return answer

    def attempt(self, command, arguments):
        """Give the command; fail at a statement, if it takes so many. Nothing must be left of it then."""
        left, self.fails_at = self.fails_at, 0
        if not left:
            return None
        before = self.stored()

        def fail(execute, sql, *args):
            nonlocal left
            left -= "SAVEPOINT" not in sql  # after a failed rollback nothing can be asked in the test's own transaction
            if left == 0:
                left = -1
                raise LostPowerError
            return execute(sql, *args)

        try:
            with connection.execute_wrapper(fail):
                return command(**arguments)
        except (LostPowerError, exceptions.LedgerError):
            assert self.stored() == before
        return None

    def stored(self):
        raise NotImplementedError

    @rule(statement=st.integers(1, 16))
    def the_next_attempt_fails_in_the_middle(self, statement):
        self.fails_at = statement


def run_machine(machine, *, few, steps):
    """Try `few` sequences of commands; LEDGER_EXAMPLES=200 tries more, and looks for the shortest failure."""
    examples = int(os.environ.get("LEDGER_EXAMPLES", "0"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples or few,
            phases=list(Phase) if examples else [Phase.generate],  # the shortest failure may take minutes to find
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
