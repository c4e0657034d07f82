"""Pictures for tests that send one."""

import base64

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP8z4APMOGVHbHSAEEs"
    "ARPJULDgAAAAAElFTkSuQmCC"
)
