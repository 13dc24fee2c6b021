"""Declaration of `recursion-guard-off`."""

from functions.core.playbook import ApiCall, Mode, Permission, Playbook, Severity

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"

PLAYBOOK = Playbook(
    id="recursion-guard-off",
    title="Loop detection switched off",
    severity=Severity.MEDIUM,
    mode=Mode.APPROVE,
    triggers=(
        ApiCall(
            names=(
                "CreateFunction20150331",
                "PutFunctionRecursionConfig",
                "TagResource20170331v2",
                "UntagResource20170331v2",
            )
        ),
    ),
    reads=(
        Permission("lambda:GetFunction", _FUNCTION),
        Permission("lambda:GetFunctionRecursionConfig", _FUNCTION),
        Permission("lambda:GetFunctionEventInvokeConfig", _FUNCTION),
    ),
    writes=(Permission("lambda:PutFunctionRecursionConfig", _FUNCTION),),
)
