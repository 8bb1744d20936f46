"""URLs of the member's points, under a language."""

from __future__ import annotations

from django.urls import path

from loyalty import claim_views, offer_views, referral_views, reward_views, views

app_name = "loyalty"

urlpatterns = [
    path("loyalty/", views.index, name="index"),
    path("loyalty/leaderboard/", views.leaderboard, name="leaderboard"),
    path("loyalty/challenges/", views.challenges, name="challenges"),
    path("loyalty/invite/", referral_views.invite, name="invite"),
    path("invitation/<str:code>/", referral_views.invitation, name="invitation"),
    path("loyalty/card/", views.card, name="card"),
    path("loyalty/card/code/", views.card_code, name="card_code"),
    path("loyalty/claim/", claim_views.claim, name="claim"),
    path("loyalty/statement/", views.paper, name="statement"),
    path("loyalty/statement.csv", views.export, name="export"),
    path("loyalty/consents/", offer_views.consents, name="consents"),
    path("loyalty/offers/", offer_views.index, name="offers"),
    path("loyalty/offers/<int:number>/", offer_views.offer, name="offer"),
    path("loyalty/offers/<int:number>/accept/", offer_views.accept, name="offer_accept"),
    path("loyalty/offers/<int:number>/hide/", offer_views.hide, name="offer_hide"),
    path("loyalty/offers/<int:number>/less/", offer_views.less, name="offer_less"),
    path("loyalty/offers/<int:number>/undo/", offer_views.undo, name="offer_undo"),
    path("loyalty/rewards/", reward_views.index, name="rewards"),
    path("loyalty/rewards/<int:number>/", reward_views.reward, name="reward"),
    path("loyalty/rewards/<int:number>/goal/", reward_views.goal, name="reward_goal"),
    path("loyalty/redemptions/", reward_views.redemptions, name="redemptions"),
    path("loyalty/redemptions/<uuid:uid>/", reward_views.redemption, name="redemption"),
    path("loyalty/redemptions/<uuid:uid>/code/", reward_views.reveal, name="redemption_code"),
    path("loyalty/redemptions/<uuid:uid>/cancel/", reward_views.cancel, name="redemption_cancel"),
]
