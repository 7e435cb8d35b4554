/**
 * The time that light in glass needs between two places on Earth.
 *
 * The shortest path over the globe (haversine formula, a sphere of the mean radius of 6,371.0088 km), at two thirds of the speed of light
 * in vacuum, the speed in an optical fibre. Real cables wind; callers that want that multiply.
 */
export interface Place {
  /** Degrees, north positive, -90 to 90. */
  readonly latitude: number;
  /** Degrees, east positive, -180 to 180. */
  readonly longitude: number;
}

const earthRadiusKm = 6_371.0088;
/** Two thirds of 299,792.458 km/s. */
const fibreKmPerMs = (299.792458 * 2) / 3;

export function greatCircleKm(a: Place, b: Place): number {
  const radians = Math.PI / 180;
  const halfUp = Math.sin(((b.latitude - a.latitude) * radians) / 2);
  const halfAcross = Math.sin(((b.longitude - a.longitude) * radians) / 2);
  const shrink = Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians);
  const square = halfUp * halfUp + shrink * halfAcross * halfAcross;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, square)));
}

/** One way, in ms. */
export function fibreDelayMs(a: Place, b: Place): number {
  return greatCircleKm(a, b) / fibreKmPerMs;
}
