"""The environment tests run in. Loaded before settings (`-p tests.environment`),
so that no `.env` and no data of a person's own installation is touched."""

import atexit
import os
import shutil
import tempfile

_SCRATCH = tempfile.mkdtemp(prefix="kiro2api-tests-")
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)

_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "VIRTUAL_ENV",
    "TEST_DATABASE_URL",
    "POSTGRES_URL",
    # What installing a client needs to reach its registry.
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
_KEPT_PREFIXES = ("PYTEST", "PYTHON", "COVERAGE", "PIP_", "UV_", "NPM_", "npm_")

for _name in list(os.environ):
    if _name not in _KEPT and not _name.startswith(_KEPT_PREFIXES):
        del os.environ[_name]

os.environ.update(
    DATA_DIR=_SCRATCH,
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
    SECRET_KEY="only-for-tests-" + "0123456789" * 4,
    SECRET_ENCRYPTION_KEYS="b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMSE=",
    LOG_FORMAT="text",
    DJANGO_SETTINGS_MODULE="kiro2api.settings",
)
