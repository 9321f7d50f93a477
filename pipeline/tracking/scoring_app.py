"""MLflow's scoring server, which takes DICOM files too and answers under this machine's name only.

A page of somebody else that a browser is led to this port by has another host.
"""

from mlflow.pyfunc.scoring_server.app import app as of_mlflow
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pipeline.tracking.dicom_body import DicomBody

app = TrustedHostMiddleware(DicomBody(of_mlflow), allowed_hosts=["127.0.0.1", "localhost"])
