"""The eks stand-in: the remote components of pulumi-eks, registering the children the real package registers."""
