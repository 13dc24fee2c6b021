"""Declaration of `reserved-concurrency`."""

from functions.core.playbook import (
    AlarmState,
    ApiCall,
    ConfigCompliance,
    ConfigItem,
    HealthEvent,
    Mode,
    Permission,
    Playbook,
    Severity,
)

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"

PLAYBOOK = Playbook(
    id="reserved-concurrency",
    title="Critical function without reserved concurrency",
    severity=Severity.HIGH,
    mode=Mode.ENFORCE,
    triggers=(
        ApiCall(
            names=(
                "CreateFunction20150331",
                "UpdateFunctionConfiguration20150331v2",
                "PutFunctionConcurrency20171031",
                "DeleteFunctionConcurrency20171031",
                "TagResource20170331v2",
                "UntagResource20170331v2",
            )
        ),
        ConfigCompliance(rules=("lambda-concurrency-check",)),
        ConfigItem(),
        # A function that ran away takes the pool from its neighbours: look at what it may take.
        HealthEvent(codes=("AWS_LAMBDA_RUNAWAY_TERMINATION_NOTIFICATION",)),
        AlarmState(prefix="warden-throttles"),
    ),
    reads=(Permission("lambda:GetFunction", _FUNCTION),),
    writes=(
        Permission("lambda:PutFunctionConcurrency", _FUNCTION),
        Permission("lambda:DeleteFunctionConcurrency", _FUNCTION),
        Permission("lambda:ListProvisionedConcurrencyConfigs", _FUNCTION),
        Permission("lambda:GetAccountSettings", "*", why_any="the action has no resource type"),
        Permission("cloudwatch:GetMetricData", "*", why_any="the action has no resource type"),
    ),
    one_at_a_time=True,
    settings={"default": 10, "critical": [], "floor": 100},
)
