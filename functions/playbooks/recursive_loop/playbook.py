"""Declaration of `recursive-loop`."""

from functions.core.playbook import (
    AlarmState,
    ApiCall,
    HealthEvent,
    ManagedPolicy,
    Mode,
    Permission,
    Playbook,
    Severity,
    Wiring,
)
from functions.playbooks.recursive_loop.changes import CALLS

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:*"
_ROLE = "arn:{partition}:iam::{account}:role/*"
_RULE = "arn:{partition}:events:{region}:{account}:rule/*"
_TOPIC = "arn:{partition}:sns:{region}:{account}:*"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:*"
_QUARANTINE = "arn:{partition}:sqs:{region}:{account}:warden-q-*"
_ALARM = "arn:{partition}:cloudwatch:{region}:{account}:alarm:warden-quarantine-*"
_BUCKET = "arn:{partition}:s3:::*"
_PIPE = "arn:{partition}:pipes:{region}:{account}:pipe/*"
_SCHEDULE = "arn:{partition}:scheduler:{region}:{account}:schedule/*"
_MAPPING = "arn:{partition}:lambda:{region}:{account}:event-source-mapping:*"
_LOG_GROUP = "arn:{partition}:logs:{region}:{account}:log-group:*"
_MACHINE = "arn:{partition}:states:{region}:{account}:stateMachine:*"
_SEND = "arn:{partition}:iam::{account}:policy/warden-quarantine-send"
_SCHEDULER = "scheduler.amazonaws.com"
_NO_TYPE = "the action has no resource type"

PLAYBOOK = Playbook(
    id="recursive-loop",
    title="Recursive loop",
    severity=Severity.HIGH,
    mode=Mode.ENFORCE,
    triggers=(
        *(Wiring(names=names, service=service) for service, names in CALLS.items()),
        # The tags say whether a loop is meant to be, and whether a cap is ours.
        ApiCall(names=("TagResource20170331v2", "UntagResource20170331v2")),
        AlarmState(prefix="warden-recursion-dropped"),
        AlarmState(prefix="warden-invocations"),
        HealthEvent(codes=("AWS_LAMBDA_RUNAWAY_TERMINATION_NOTIFICATION",)),
    ),
    reads=(
        Permission("lambda:GetFunction", _FUNCTION),
        Permission("lambda:ListTags", _FUNCTION),
        Permission("cloudwatch:GetMetricData", "*", why_any=_NO_TYPE),
        # The graph of an account and Region.
        Permission("events:DescribeRule", _RULE),
        Permission("events:ListEventBuses", "*", why_any=_NO_TYPE),
        Permission("events:ListRules", "*", why_any=_NO_TYPE),
        Permission("events:ListTargetsByRule", _RULE),
        Permission("iam:GetAccountAuthorizationDetails", "*", why_any=_NO_TYPE),
        Permission("iam:GetPolicy", "arn:{partition}:iam::*:policy/*"),
        Permission("iam:GetPolicyVersion", "arn:{partition}:iam::*:policy/*"),
        Permission("iam:GetRole", _ROLE),
        Permission("iam:GetRolePolicy", _ROLE),
        Permission("iam:ListAttachedRolePolicies", _ROLE),
        Permission("iam:ListRolePolicies", _ROLE),
        Permission("lambda:GetEventSourceMapping", _MAPPING),
        Permission("lambda:GetFunctionConfiguration", _FUNCTION),
        Permission("lambda:ListEventSourceMappings", "*", why_any=_NO_TYPE),
        Permission("lambda:ListFunctionEventInvokeConfigs", _FUNCTION),
        Permission("lambda:ListFunctions", "*", why_any=_NO_TYPE),
        Permission("logs:DescribeSubscriptionFilters", _LOG_GROUP),
        Permission("pipes:DescribePipe", _PIPE),
        Permission("pipes:ListPipes", "*", why_any=_NO_TYPE),
        Permission("s3:GetBucketNotification", _BUCKET),
        Permission("s3:ListAllMyBuckets", "*", why_any=_NO_TYPE),
        Permission("scheduler:GetSchedule", _SCHEDULE),
        Permission("scheduler:ListSchedules", "*", why_any=_NO_TYPE),
        Permission("sns:GetSubscriptionAttributes", "*", why_any=_NO_TYPE),
        Permission("sns:ListSubscriptions", "*", why_any=_NO_TYPE),
        Permission("sns:ListSubscriptionsByTopic", _TOPIC),
        Permission("sqs:GetQueueAttributes", _QUEUE),
        Permission("states:DescribeStateMachine", _MACHINE),
        Permission("states:ListStateMachines", "*", why_any=_NO_TYPE),
    ),
    writes=(
        Permission("lambda:UpdateEventSourceMapping", _MAPPING),
        Permission("lambda:GetFunctionRecursionConfig", _FUNCTION),
        Permission("lambda:PutFunctionRecursionConfig", _FUNCTION),
        Permission("lambda:GetFunctionEventInvokeConfig", _FUNCTION),
        Permission("lambda:PutFunctionEventInvokeConfig", _FUNCTION),
        Permission("lambda:UpdateFunctionEventInvokeConfig", _FUNCTION),
        Permission("lambda:DeleteFunctionEventInvokeConfig", _FUNCTION),
        Permission("lambda:PutFunctionConcurrency", _FUNCTION),
        Permission("lambda:DeleteFunctionConcurrency", _FUNCTION),
        Permission("lambda:ListAliases", _FUNCTION),
        Permission("lambda:ListProvisionedConcurrencyConfigs", _FUNCTION),
        Permission("lambda:ListVersionsByFunction", _FUNCTION),
        Permission("lambda:GetAccountSettings", "*", why_any=_NO_TYPE),
        Permission("lambda:TagResource", _FUNCTION),
        Permission("lambda:UntagResource", _FUNCTION),
        Permission("lambda:InvokeFunction", _FUNCTION),
        Permission("events:PutTargets", _RULE),
        Permission("events:RemoveTargets", _RULE),
        Permission("events:TestEventPattern", "*", why_any=_NO_TYPE),
        Permission("sns:Subscribe", _TOPIC),
        Permission("sns:Unsubscribe", "*", why_any=_NO_TYPE),
        Permission("s3:PutBucketNotification", _BUCKET),
        Permission("pipes:StartPipe", _PIPE),
        Permission("pipes:StopPipe", _PIPE),
        Permission("scheduler:UpdateSchedule", _SCHEDULE),
        Permission("logs:DeleteSubscriptionFilter", _LOG_GROUP),
        Permission("logs:PutSubscriptionFilter", _LOG_GROUP),
        Permission("kinesis:DescribeStreamSummary", "arn:{partition}:kinesis:{region}:{account}:stream/*"),
        Permission("sqs:CreateQueue", _QUARANTINE),
        Permission("sqs:DeleteQueue", _QUARANTINE),
        Permission("sqs:SetQueueAttributes", _QUARANTINE),
        Permission("sqs:SendMessage", _QUARANTINE),
        Permission("sqs:ListQueueTags", _QUARANTINE),
        Permission("sqs:TagQueue", _QUARANTINE),
        Permission("sqs:UntagQueue", _QUARANTINE),
        # A queue whose mapping is disabled is its own quarantine: a redrive takes out of it what the loop made.
        Permission("sqs:ReceiveMessage", _QUEUE),
        Permission("sqs:DeleteMessage", _QUEUE),
        Permission("sqs:ChangeMessageVisibility", _QUEUE),
        Permission("cloudwatch:PutMetricAlarm", _ALARM),
        Permission("cloudwatch:DeleteAlarms", _ALARM),
        Permission("iam:AttachRolePolicy", _ROLE, conditions=(("ArnEquals", "iam:PolicyARN", _SEND),)),
        Permission("iam:DetachRolePolicy", _ROLE, conditions=(("ArnEquals", "iam:PolicyARN", _SEND),)),
        # A schedule is written as a whole, with the role that it runs under.
        Permission("iam:PassRole", _ROLE, conditions=(("StringEquals", "iam:PassedToService", _SCHEDULER),)),
        Permission("iam:GetAccountSummary", "*", why_any=_NO_TYPE),
        Permission("iam:SimulatePrincipalPolicy", _ROLE),
    ),
    managed_policies=(
        ManagedPolicy(name="warden-quarantine-send", permissions=(Permission("sqs:SendMessage", _QUARANTINE),)),
    ),
    one_at_a_time=True,
    most_rounds=3,
    settings={
        "cap": 10,
        "floor": 100,
        "running_per_minute": 600,
        "period": 60,
        "quiet_seconds": 180,
        "lift_seconds": 300,
        "redrive_per_second": 10,
    },
)
