import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_merged_messages'),
    ]

    operations = [
        migrations.CreateModel(
            name='OutgoingMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200, unique=True, verbose_name='key')),
                ('kind', models.CharField(max_length=100, verbose_name='kind')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sent', 'sent'), ('replaced', 'replaced by a newer one'), ('expired', 'waited too long'), ('refused', 'refused'), ('uncertain', 'may have arrived')], default='waiting', max_length=10, verbose_name='state')),
                ('content', models.TextField(blank=True, verbose_name='content')),
                ('is_perishable', models.BooleanField(default=False, verbose_name='perishable')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('handed_over_at', models.DateTimeField(blank=True, null=True, verbose_name='handed over at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('note', models.TextField(blank=True, verbose_name='note')),
            ],
            options={
                'verbose_name': 'mail',
                'verbose_name_plural': 'mails',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['created_at'], name='mail_waiting'), models.Index(fields=['ended_at'], name='mail_ended')],
            },
        ),
    ]
