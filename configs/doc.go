// Package configs is what the user wrote, checked: it turns a fleet file into a
// [Fleet] that the rest of the program can trust without looking again.
//
// # Flow
//
//	fleet.toml ─ toml ─> tables ─┐
//	           ─ scan ─> lines  ─┴─> decode ─> environment ─> resolve ─> *Fleet or Faults
//
// [Load] reads the file, decode compares it with the struct types of this
// package (their tags are the schema: the key, its type, its limits), the
// environment replaces the preferred ports, and resolve looks at what only makes
// sense together: pairs of ports, places, folders, templates. [Fleet.Places]
// then answers what each instance is to run.
//
// # Guarantees
//
// A mistake costs nothing: every fault of a file is reported at once, in the
// order of its lines, each with its key and most with a way out ([Faults],
// [FieldError]). The one exception is text that is not TOML, which ends at its
// first fault. There is no half-read fleet: Load returns one or the other.
//
// Keys are exact: an unknown key is a fault, and so is a known one in other
// letters. A number without a unit is never a duration or a size. A key whose
// feature does not exist yet is checked like any other and then refused unless
// it asks for nothing ([ErrNotAvailable]).
//
// An empty file is a fleet of defaults; [Sample] is a file with every key in it,
// commented out, and therefore one too.
//
// # Layers
//
// Of the preferred ports, the environment (MIKTOS_HTTP_PORT, MIKTOS_WS_PORT)
// wins over an [[instance]], that over [ports], that over 8080. A WebSocket port
// that is written nowhere is the HTTP port plus one. Everything else has two
// layers: what an [[instance]] leaves out it inherits from the fleet.
//
// # Limits
//
// Nothing here looks at programs, ports or other fleets: whether a command
// exists and a port is free is known only when it is used. Files are read when
// Load runs and not watched. A fleet file and each template file may have 1 MiB.
//
// All functions may be called concurrently. A Fleet is a plain value: whoever
// changes one sees to it that nobody reads it meanwhile.
package configs
