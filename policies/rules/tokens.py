"""The kinds that rules are about, as `policies.engine.kinds` names them."""

from typing import Final

TARGET_GROUP: Final = "aws:lb:TargetGroup"
LISTENER: Final = "aws:lb:Listener"
LISTENER_RULE: Final = "aws:lb:ListenerRule"
LOAD_BALANCER: Final = "aws:lb:LoadBalancer"
DEPLOYMENT: Final = "apps:Deployment"
STATEFUL_SET: Final = "apps:StatefulSet"
DAEMON_SET: Final = "apps:DaemonSet"
WORKLOADS: Final = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
SERVICE: Final = ":Service"
NAMESPACE: Final = ":Namespace"
INGRESS: Final = "networking.k8s.io:Ingress"
BINDING: Final = "elbv2.k8s.aws:TargetGroupBinding"
GATEWAY: Final = "gateway.networking.k8s.io:Gateway"
GRPC_ROUTE: Final = "gateway.networking.k8s.io:GRPCRoute"
HTTP_ROUTE: Final = "gateway.networking.k8s.io:HTTPRoute"
GATEWAY_CLASS: Final = "gateway.networking.k8s.io:GatewayClass"
TLS_ROUTE: Final = "gateway.networking.k8s.io:TLSRoute"
TCP_ROUTE: Final = "gateway.networking.k8s.io:TCPRoute"
ROUTES: Final = (GRPC_ROUTE, HTTP_ROUTE, TLS_ROUTE, TCP_ROUTE)
AUTOSCALER: Final = "autoscaling:HorizontalPodAutoscaler"
BUDGET: Final = "policy:PodDisruptionBudget"
RELEASE: Final = "helm.sh:Release"
