"""Pictures for tests that send one."""

import base64

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAFUlEQVR42mM8ISfHgBswMe"
    "AFI1UaAEbbARjrDPYNAAAAAElFTkSuQmCC"
)
