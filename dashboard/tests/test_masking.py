import pytest

from dashboard.masking import mask_email


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("alice.zhang@gmail.com", "al*******ng@*****.com"),
        ("build@example.com", "bu*ld@*******.com"),
        ("dana@example.com", "****@*******.com"),
        ("a@example.com", "*@*******.com"),
        ("someone@mail.example.com", "so***ne@****.example.com"),
        ("someone@mail.corp.com.cn", "so***ne@****.****.com.cn"),
        ("someone@localhost", "so***ne@*********"),
        ("", ""),
    ],
)
def test_an_email_keeps_what_the_original_keeps(email, masked):
    assert mask_email(email) == masked
