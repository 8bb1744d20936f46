"""The screens of the Wagtail admin for those who keep search useful."""
