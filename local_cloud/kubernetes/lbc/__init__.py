"""The AWS Load Balancer Controller as far as others depend on it: Ingresses and Gateways become load balancers.

``ingress`` and ``gateway`` read the objects and say what should be (``model``), ``deploy`` brings the account in line
with it through the same refusals that a user's own calls meet, ``reconcile`` decides when. What the controller would
not do is said in its own words. Sources: kubernetes-sigs/aws-load-balancer-controller pkg/ingress, pkg/gateway,
controllers, docs/guide (3.5).
"""
