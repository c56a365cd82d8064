# Logs one line with the number the page of the integration shows:
#   :global irmNonce "irmv-..."; /import verify.rsc
:global irmNonce
:if ([:typeof $irmNonce] = "nothing") do={ :error "set irmNonce first" }
:log info ("insider-risk-verify " . $irmNonce)
