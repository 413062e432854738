"""An exchange for hubs whose servers share no disk: a service that knows people by the hub's tokens."""
