"""The executable of the kubernetes stand-in: the engine starts it with its own address as argument."""

import sys

from local_cloud.kubernetes.provider import Kubernetes
from local_cloud.process import serve

serve(Kubernetes().servicer(), sys.argv[1:])
