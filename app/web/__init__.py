"""The demo client: pages of plain ES modules that use nothing but the REST contract, like any other client."""
