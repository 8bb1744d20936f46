import json, pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from portal.core import memo, routing
from tests.factories.faq import *
from tests.factories.catalog import *
from tests.factories.accounts import UserFactory
from tests.faq.bodies import full_body
@pytest.mark.django_db
def test_look(client, settings, tmp_path):
    settings.MEDIA_ROOT=str(tmp_path)
    site=help_site()
    p=ProductFactory(); v=ProductVersionFactory(product=p)
    tp=TopicPageFactory(title="اینترنت")
    art=ArticlePageFactory(parent=tp, body=json.dumps(full_body()), products=[p], versions=[v], kind="guide", reviewed_by="تیم شبکه")
    for i in range(3): ArticlePageFactory(parent=tp)
    for i in range(3): FeedbackFactory(article=art)
    def run(c, url, tag, cold=True):
        if cold:
            memo.forget_all()
        with CaptureQueriesContext(connection, ) as q: r=c.get(url)
        print("=====", tag, r.status_code, len(q), len(r.content))
        for x in q.captured_queries: print("   ", x["sql"][:int(__import__("os").environ.get("W","130"))].replace("\n"," "))
        return r
    r=run(client, art.url,"first")
    open("/tmp/faqeng/out.html","w").write(r.text)
    run(client, art.url,"anon cold")
    run(client, art.url,"anon warm", False)
    user=UserFactory(); client.force_login(user); OwnershipFactory(user=user)
    r=run(client, art.url,"user cold"); run(client, art.url,"user warm", False)
    open("/tmp/faqeng/out_user.html","w").write(r.text)
    client.logout()
    r=run(client, tp.url,"topic"); open("/tmp/faqeng/topic.html","w").write(r.text)
    r=run(client, site["fa"].url,"index"); open("/tmp/faqeng/index.html","w").write(r.text)
    r=run(client, site["en"].url,"index en")
    r=run(client, "/sitemap.xml","sitemap"); print(r.text)
    r=run(client, "/robots.txt","robots"); print(r.text)
    r=client.get("/a/99999999999999999999999"); print(r.status_code)
