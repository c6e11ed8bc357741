// Names of the floor below that the floor above says without importing it.

package import Platform

/// The position of a commit in the log.
package typealias LogPosition = Platform.LogPosition
