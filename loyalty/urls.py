"""URLs of the member's points, under a language."""

from __future__ import annotations

from django.urls import path

from loyalty import referral_views, reward_views, views

app_name = "loyalty"

urlpatterns = [
    path("loyalty/", views.index, name="index"),
    path("loyalty/leaderboard/", views.leaderboard, name="leaderboard"),
    path("loyalty/invite/", referral_views.invite, name="invite"),
    path("invitation/<str:code>/", referral_views.invitation, name="invitation"),
    path("loyalty/card/", views.card, name="card"),
    path("loyalty/statement.csv", views.export, name="export"),
    path("loyalty/rewards/", reward_views.index, name="rewards"),
    path("loyalty/rewards/<int:number>/", reward_views.reward, name="reward"),
    path("loyalty/redemptions/", reward_views.redemptions, name="redemptions"),
    path("loyalty/redemptions/<uuid:uid>/", reward_views.redemption, name="redemption"),
    path("loyalty/redemptions/<uuid:uid>/code/", reward_views.reveal, name="redemption_code"),
    path("loyalty/redemptions/<uuid:uid>/cancel/", reward_views.cancel, name="redemption_cancel"),
]
