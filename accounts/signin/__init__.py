"""Signing in to Kiro from the admin.

A sign-in is a row (`models.SignIn`), so that it survives a reload and a restart and
any process may go on with it. `begin` makes one, `flow` carries it on, `finish` turns
its tokens into an account; `rows` has the UPDATEs of all three. `oidc` and `social`
speak to the two services, `answers` reads what they say. `admin`, `forms`, `shown` and
`words` are the pages.
"""
