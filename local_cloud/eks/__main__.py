"""The executable of the eks stand-in: the engine starts it with its own address as argument."""

import sys

from local_cloud.eks.provider import Eks
from local_cloud.process import serve

serve(Eks().servicer(), sys.argv[1:])
