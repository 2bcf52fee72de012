/** Under which the OpenAPI document lists this contract's operations. */
export const TAG = "Baanx";
