"""The parameter look-up, against a stand-in for AWS."""

import boto3
import pytest
from botocore.stub import Stubber

from code_package.util import cloud


@pytest.fixture
def ssm(monkeypatch):
    client = boto3.client("ssm", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    monkeypatch.setattr(boto3.session.Session, "client", lambda self, name, config: client)
    with Stubber(client) as stub:
        yield stub


def test_parameter_is_decrypted(ssm):
    ssm.add_response(
        "get_parameter",
        {"Parameter": {"Name": "/a/b", "Value": "secret"}},
        {"Name": "/a/b", "WithDecryption": True},
    )
    assert cloud.get_aws_parameter("/a/b") == "secret"


def test_missing_parameter_is_named(ssm):
    ssm.add_client_error("get_parameter", "ParameterNotFound", http_status_code=400)
    with pytest.raises(cloud.ParameterError, match=r"/a/b.*ParameterNotFound"):
        cloud.get_aws_parameter("/a/b")
