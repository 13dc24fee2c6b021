"""Declaration of `plaintext-secrets`."""

from functions.core.playbook import ApiCall, ConfigItem, Mode, Permission, Playbook, Severity

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"
_VERSION = "arn:{partition}:lambda:{region}:{account}:function:*:*"
# By name, and before a secret exists, AWS knows it without the six characters that end its ARN.
_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:warden/*/env*"  # noqa: S105 - an ARN
_ROLE = "arn:{partition}:iam::{account}:role/*"
_KEY = "arn:{partition}:kms:{region}:{account}:key/*"

PLAYBOOK = Playbook(
    id="plaintext-secrets",
    title="Secrets in plain text in environment variables",
    severity=Severity.HIGH,
    mode=Mode.ENFORCE,
    triggers=(
        ApiCall(
            names=(
                "CreateFunction20150331",
                "UpdateFunctionConfiguration20150331v2",
                "PublishVersion20150331",
                "CreateAlias20150331",
                "UpdateAlias20150331",
                "TagResource20170331v2",
                "UntagResource20170331v2",
            )
        ),
        ApiCall(
            names=(
                "DeleteSecret",
                "RestoreSecret",
                "PutResourcePolicy",
                "DeleteResourcePolicy",
                "UpdateSecret",
            ),
            service="secretsmanager",
        ),
        ApiCall(
            names=(
                "AttachRolePolicy",
                "CreateRole",
                "DeleteRole",
                "DeleteRolePermissionsBoundary",
                "DeleteRolePolicy",
                "DetachRolePolicy",
                "PutRolePermissionsBoundary",
                "PutRolePolicy",
            ),
            service="iam",
        ),
        ConfigItem(),
    ),
    reads=(
        Permission("lambda:GetFunction", _FUNCTION),
        Permission("lambda:ListAliases", _FUNCTION),
        Permission("lambda:ListVersionsByFunction", _FUNCTION),
        Permission("secretsmanager:DescribeSecret", _SECRET),
        Permission("secretsmanager:GetResourcePolicy", _SECRET),
        Permission("iam:SimulatePrincipalPolicy", _ROLE),
    ),
    writes=(
        Permission("lambda:UpdateFunctionConfiguration", _FUNCTION),
        Permission("lambda:PublishVersion", _FUNCTION),
        Permission("lambda:UpdateAlias", _FUNCTION),
        # Only with a version: the function itself is out of reach of this resource.
        Permission("lambda:DeleteFunction", _VERSION),
        Permission("lambda:GetPolicy", _FUNCTION),
        Permission("lambda:ListEventSourceMappings", "*", why_any="the action has no resource type"),
        Permission("lambda:ListProvisionedConcurrencyConfigs", _FUNCTION),
        # Layers come from any account, AWS's own included.
        Permission("lambda:GetLayerVersion", "arn:{partition}:lambda:{region}:*:layer:*:*"),
        Permission("lambda:InvokeFunction", _FUNCTION, when="test_events"),
        Permission("secretsmanager:CreateSecret", _SECRET),
        Permission("secretsmanager:GetSecretValue", _SECRET),
        Permission("secretsmanager:PutResourcePolicy", _SECRET),
        Permission("secretsmanager:PutSecretValue", _SECRET),
        Permission("secretsmanager:RestoreSecret", _SECRET),
        Permission("secretsmanager:TagResource", _SECRET),
        Permission("secretsmanager:UntagResource", _SECRET),
        Permission("kms:Decrypt", _KEY, when="kms_key"),
        Permission("kms:DescribeKey", _KEY, when="kms_key"),
        Permission("kms:GenerateDataKey", _KEY, when="kms_key"),
        Permission("kms:GetKeyPolicy", _KEY, when="kms_key"),
        Permission("ec2:DescribeVpcAttribute", "arn:{partition}:ec2:{region}:{account}:vpc/*"),
        *(
            Permission(f"ec2:{action}", "*", why_any="the action has no resource type")
            for action in (
                "DescribeNatGateways",
                "DescribeNetworkAcls",
                "DescribeRouteTables",
                "DescribeSecurityGroups",
                "DescribeSubnets",
                "DescribeVpcEndpoints",
            )
        ),
    ),
    hub_reads=(Permission("lambda:ListLayerVersions", "*", why_any="the action has no resource type"),),
    # Two fixes of one function write one secret.
    one_at_a_time=True,
    after_deletion=True,
    follow_up=True,
    most_rounds=3,
    unbounded=("unreadable",),
    settings={"kms_key": "", "test_events": {}},
)
