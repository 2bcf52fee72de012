-- AlterEnum
ALTER TYPE "attempt_outcome" ADD VALUE 'token';

-- AlterTable
ALTER TABLE "webhooks" ADD COLUMN     "auth_sealed" TEXT,
ADD COLUMN     "tls_sealed" TEXT;
