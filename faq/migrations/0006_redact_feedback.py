"""What readers typed with their feedback, stored before it was redacted."""

from urllib.parse import unquote

from django.db import migrations

_BATCH = 500


def redact_feedback(apps, schema_editor):
    """Redact the columns as `faq.services.give_feedback` does now. Repeatable."""
    from portal.core.privacy import redact_to

    Feedback = apps.get_model("faq", "Feedback")
    columns = {name: Feedback._meta.get_field(name).max_length for name in ("comment", "came_from_search", "came_from_page")}
    changed = []
    for feedback in Feedback.objects.only(*columns).iterator(chunk_size=_BATCH):
        before = [getattr(feedback, name) for name in columns]
        feedback.came_from_page = unquote(feedback.came_from_page)
        for name, length in columns.items():
            setattr(feedback, name, redact_to(getattr(feedback, name), length))
        if before != [getattr(feedback, name) for name in columns]:
            changed.append(feedback)
    Feedback.objects.bulk_update(changed, list(columns), batch_size=_BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("faq", "0005_vote_evidence"),
    ]

    operations = [
        migrations.RunPython(redact_feedback, migrations.RunPython.noop),
    ]
