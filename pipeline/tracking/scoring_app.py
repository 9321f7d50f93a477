"""MLflow's scoring server, which answers under the name of this machine only.

A page of somebody else that a browser is led to this port by has another host.
"""

from mlflow.pyfunc.scoring_server.app import app as of_mlflow
from starlette.middleware.trustedhost import TrustedHostMiddleware

app = TrustedHostMiddleware(of_mlflow, allowed_hosts=["127.0.0.1", "localhost"])
