"""``python -m local_cloud.aws ENGINE``: the plug-in process."""

import sys

from local_cloud.aws.provider import Aws
from local_cloud.process import serve

serve(Aws().servicer(), sys.argv[1:])
