"""What someone with nothing but helion-runtime can do before there is a bundle: learn why there is none to run."""

import helion_runtime
from helion_runtime.errors import BundleNotFoundError

try:
    helion_runtime.load("kernels.helion")
except BundleNotFoundError as error:
    assert "kernels.helion" in str(error)
else:
    raise AssertionError("a bundle that does not exist was opened")
