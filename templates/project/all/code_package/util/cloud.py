"""What the app asks of AWS."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# A page waits for these calls, so they give up soon rather than leave it blank.
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})


class ParameterError(Exception):
    """A parameter that could not be read; the message says which and why."""


def get_aws_parameter(key: str) -> str:
    """Return the decrypted value of ``key`` in the AWS Parameter Store.

    Credentials and region are those of the environment: ``~/.aws`` on a developer's machine, the
    task's role once deployed.
    """
    try:
        ssm = boto3.session.Session().client("ssm", config=_CONFIG)
        answer = ssm.get_parameter(Name=key, WithDecryption=True)
    except (BotoCoreError, ClientError) as err:
        raise ParameterError(f"cannot read the AWS parameter {key}: {err}") from err
    return answer["Parameter"]["Value"]
