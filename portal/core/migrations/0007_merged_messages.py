from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0006_support_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='merge_key',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='merge key'),
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('delivered_at', None), ('failed_at', None)), fields=['merge_key'], name='outbox_merge_key'),
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('delivered_at__isnull', False)), fields=['delivered_at'], name='outbox_delivered'),
        ),
    ]
